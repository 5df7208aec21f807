echo started
mkdir -p .git/hooks .git/objects .git/refs
printf 'ref: refs/heads/main\n' > .git/HEAD
printf '[core]\n\tfsmonitor = "touch %s"\n\thooksPath = .git/hooks\n\tpager = "touch %s"\n[filter "x"]\n\tclean = touch %s\n\tsmudge = touch %s\n[diff]\n\texternal = touch %s\n' \
  "$CANARY_ESCAPED" "$CANARY_ESCAPED" "$CANARY_ESCAPED" "$CANARY_ESCAPED" "$CANARY_ESCAPED" > .git/config
printf '* filter=x\n' > .gitattributes
for hook in post-checkout pre-commit post-index-change; do
  printf '#!/bin/sh\ntouch %s\n' "$CANARY_ESCAPED" > .git/hooks/$hook
  chmod +x .git/hooks/$hook
done
touch "$CANARY_ESCAPED" && echo tried

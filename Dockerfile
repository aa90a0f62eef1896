# The image of scripts/image, for those who have a container engine:
#   docker build -t ghcr.io/certwright/certwright:0.1.0 .
#   docker build --target acmesolver -t ghcr.io/certwright/acmesolver:0.1.0 .
# scripts/image needs no engine, makes the same bytes each time, and writes the SBOM beside them.
FROM docker.io/library/swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      libssl-dev libcurl4-openssl-dev libyaml-dev pkg-config ca-certificates tzdata binutils python3 git
COPY . /source
WORKDIR /source
RUN scripts/image /images && mkdir -p /certwright /acmesolver && for image in certwright acmesolver; do \
      tar -xf /images/$image.tar -C /tmp && \
      layer=$(python3 -c 'import json; print(json.load(open("/tmp/manifest.json"))[0]["Layers"][0])') && \
      tar -xzf /tmp/$layer -C /$image; done

FROM scratch AS acmesolver
COPY --from=build /acmesolver /
USER 65532:65532
ENTRYPOINT ["/usr/bin/acmesolver"]

FROM scratch AS certwright
COPY --from=build /certwright /
USER 65532:65532
ENTRYPOINT ["/usr/bin/certwright"]

# The image of the Redis that a container's server has beside itself: `components = ["redis"]`. It is
# reached at loopback in the network of that server's container, and by nobody else. What it keeps,
# and when it writes that down, is as in servers/shared/components.py; its memory is limited, so it
# refuses writes before the kernel ends it. What a server sets by CONFIG SET and CONFIG REWRITE is
# kept in its file, so that it holds after a new start, too.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && redis-server --version | grep -E "v=([7-9]|[1-9][0-9]+)\." \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin harness \
    && install --directory --owner 10001 /data \
    && echo "maxmemory 384mb" > /data/redis.conf \
    && chown 10001 /data/redis.conf
USER 10001
WORKDIR /data
VOLUME /data
CMD ["redis-server", "/data/redis.conf", "--bind", "127.0.0.1", "--port", "6379", \
     "--dir", "/data", "--daemonize", "no", "--save", "", "--appendonly", "yes", \
     "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]

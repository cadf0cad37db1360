#!/bin/sh
# Runs Valkey with TLS alone, a password, and every write on disk before it is answered: a code is accepted only once.
set -eu
cat > /tmp/valkey.conf <<CONF
port 0
tls-port 6379
tls-cert-file /run/secrets/valkey.pem
tls-key-file /run/secrets/valkey.pem
tls-ca-cert-file /run/secrets/ca.pem
tls-auth-clients no
requirepass $(cat /run/secrets/valkey)
dir /data
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
CONF
exec valkey-server /tmp/valkey.conf

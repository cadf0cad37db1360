#!/bin/sh
# Runs one broker. Before its first start its storage is formatted, with a user for each role of acls.txt and `admin`.
set -eu
config=/tmp/server.properties
sed "s/@NODE@/$NODE/g" /etc/ithaca/server.properties > "$config"

if [ ! -f /var/lib/kafka/data/meta.properties ]; then
  set --
  for secret in /run/secrets/kafka-*; do
    set -- "$@" --add-scram "SCRAM-SHA-512=[name=${secret#/run/secrets/kafka-},password=$(cat "$secret")]"
  done
  /opt/kafka/bin/kafka-storage.sh format --cluster-id "$CLUSTER_ID" --config "$config" "$@"
fi
exec /opt/kafka/bin/kafka-server-start.sh "$config"

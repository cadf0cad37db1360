#!/bin/sh
# Allows each role what acls.txt says. A repeat changes nothing; what a line no longer says must be removed by hand:
# docs/how-to/deploy.md tells how.
set -euf
config=/tmp/admin.properties
cat > "$config" <<PROPERTIES
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" \
password="$(cat /run/secrets/kafka-admin)";
ssl.truststore.type=PEM
ssl.truststore.location=/run/secrets/ca.pem
PROPERTIES

while read -r role operations kind names; do
  case $role in '' | '#'*) continue ;; esac
  set -- --add --allow-principal "User:$role"
  for operation in $(echo "$operations" | tr , ' '); do set -- "$@" --operation "$operation"; done
  for name in $names; do set -- "$@" "--$kind" "${name%\*}"; done
  case $names in *\*) set -- "$@" --resource-pattern-type prefixed ;; esac
  /opt/kafka/bin/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$config" "$@" < /dev/null
done < /etc/ithaca/acls.txt

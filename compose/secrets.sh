#!/bin/sh
# Makes what compose.yaml refers to as secrets, each once: what exists is left alone, so that a repeat is safe.
# A file is for its owner and its group alone; the group goes into .env, and containers are members of it.
set -eu
umask 027
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

# Gives a new file its content, from standard input.
new() {
  if [ -s "$1" ]; then cat > /dev/null; else cat > "$1"; fi
}

# 32 bytes in hexadecimal digits: keys of codes, numbers, tokens and sealed numbers.
for name in codes-1 numbers-1 tokens-1 seal-shop-1; do openssl rand -hex 32 | new "$name"; done
# Passwords and keys that people or programs log in with.
for name in kafka-admin kafka-api kafka-caller kafka-dispatch kafka-ops kafka-receipts kafka-stats \
            shop-api-key ops-alice ops-screen valkey grafana; do
  openssl rand -hex 24 | new "$name"
done
# To be replaced by what the provider gives you.
for name in twilio twilio-webhook infobip; do echo "replace-me" | new "$name"; done

# A certificate authority of this stack alone, and what Kafka and Valkey prove themselves with. Ten years; to change
# one, remove its files and run this again.
if [ ! -s ca.pem ]; then
  openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=ithaca compose" \
    -keyout ca.key -out ca.pem 2> /dev/null
fi

# certificate <file> <common name> <host names>: key and certificate in one PEM file.
certificate() {
  [ -s "$1" ] && return
  openssl req -newkey rsa:3072 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.request" 2> /dev/null
  echo "subjectAltName=$3" > "$1.names"
  openssl x509 -req -in "$1.request" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile "$1.names" \
    -out "$1.certificate" 2> /dev/null
  openssl pkcs8 -topk8 -nocrypt -in "$1.key" > "$1"
  cat "$1.certificate" >> "$1"
  rm "$1.key" "$1.request" "$1.names" "$1.certificate"
}
certificate kafka.pem broker DNS:kafka-1,DNS:kafka-2,DNS:kafka-3,DNS:localhost,IP:127.0.0.1
certificate valkey.pem valkey DNS:valkey,DNS:localhost,IP:127.0.0.1

echo "SECRETS_GROUP=$(id -g)" > ../.env
echo "secrets are in $(pwd); replace twilio, twilio-webhook and infobip by what your providers gave you"

"""Real Kafka, real Valkey and simulated carriers that start by themselves."""

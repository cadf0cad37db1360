"""Side-by-side measurements on real Kafka, real Valkey and simulated carriers: one file per figure."""

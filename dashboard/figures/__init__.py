"""What reads: measures, intervals and drift, from rollups and the product's tables."""

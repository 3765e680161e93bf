"""What one machine needs to run the whole site: the supervisor, the installer, PostgreSQL, Redis and S3."""

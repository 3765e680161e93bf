"""The bucket: objects stored, kept and removed; crops in bulk."""

"""The samples: FER-2013 and approved answers, snapshots of them, exports, and whether rows and bucket agree."""

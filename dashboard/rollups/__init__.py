"""What writes: hours that are stale are computed anew, and the queue is looked at every minute."""

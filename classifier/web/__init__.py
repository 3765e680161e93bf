"""The pages of the product: each view parses, authorises, calls one use case and renders."""

"""Staff's rules: episodes that open and end, and who hears of them."""

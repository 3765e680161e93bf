"""Staff's pages: addresses, filters, panels and tables."""

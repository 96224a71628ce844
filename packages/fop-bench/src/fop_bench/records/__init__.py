"""What runs leave behind, as typed data: plans, manifests, records, and the files that hold them."""

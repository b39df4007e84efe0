"""The gallery: published experiments that run, one file each, and say whether what they found is what was published."""

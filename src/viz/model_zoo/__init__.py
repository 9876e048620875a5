"""Models by name: small ones that ship with viz, how they were trained, and well-known ones to download."""

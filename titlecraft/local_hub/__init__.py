"""The embedded Hub: the Hub's HTTP protocol on loopback, on top of plain git repositories.

`titlecraft.local_hub.server` starts and stops it (standard library only), `titlecraft.local_hub.store` is the storage.
"""

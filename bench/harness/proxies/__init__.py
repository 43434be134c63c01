"""The proxies under test. Each module has one function that runs its proxy in one of its modes."""

"""How hard property tests look: `make test` repeats its examples, `make soak` finds new ones."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("hunt", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("steady")

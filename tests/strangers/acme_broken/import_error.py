"""Cannot be imported."""

import acme_library_that_is_not_there  # type: ignore[import-not-found]

factory = acme_library_that_is_not_there.factory

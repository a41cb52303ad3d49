"""Models by name: what a name means, fetching from the Hugging Face hub, and the user's cache of models.

`names.find_model` is the way in. huggingface_hub is imported where something is fetched or uploaded, and nowhere else.
"""

"""The page as a Gradio Space of its own."""

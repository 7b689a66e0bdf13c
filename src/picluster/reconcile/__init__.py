"""From what was seen to what is pinned: undisputed facts only, every disagreement said."""

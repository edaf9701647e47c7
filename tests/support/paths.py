"""
Where the checkout is.
"""

from pathlib import Path

#: The top level of the checkout.
ROOT = Path(__file__).resolve().parent.parent.parent

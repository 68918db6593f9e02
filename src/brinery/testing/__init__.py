"""For authors of plugins and stores: what their tests need.

Nothing here registers itself anywhere, and nothing imports pytest: a contract is a class whose methods are
tests, which pytest finds in the subclass that you write; unittest too, where that is a TestCase as well.
"""

from brinery.testing.plugin_contract import PluginContract
from brinery.testing.profiles import declaring, profile_of
from brinery.testing.proxies import CuttingProxy
from brinery.testing.stores import StoreContract

__all__ = ["CuttingProxy", "PluginContract", "StoreContract", "declaring", "profile_of"]

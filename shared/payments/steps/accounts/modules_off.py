"""Switch off the modules of an account that no longer works, so that nothing is tried with them."""

from contextlib import suppress

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.facts.account import Account
from payments.facts.module import MODES, ModuleState, PaymentModule


def switch_off(account: Account, mode: str, doors: Doors) -> None:
    """Switch Off every module of the account that is on in `mode`."""
    cursor = None
    while True:
        found, cursor = doors.store.page(PaymentModule, account.tenant, limit=100, cursor=cursor)
        for module in found:
            if module.account == account.id and MODES.get(module.state) == mode:
                # A module that changed meanwhile needs nothing: the account itself refuses to
                # collect.
                with suppress(RowChanged):
                    doors.store.save(module.switch(ModuleState.OFF), module)
        if cursor is None:
            return

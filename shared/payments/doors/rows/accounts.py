"""Read accounts, modules, profiles' grants and settings."""

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading, read
from payments.errors import require_found
from payments.facts.account import Account
from payments.facts.certification import Certification
from payments.facts.connection import Connection
from payments.facts.customer import Customer
from payments.facts.module import Grant, PaymentModule
from payments.facts.settings import Settings


class Accounts(Reading):
    """Reads a tenant's setup."""

    def account(self, tenant: str, account: str) -> Account:
        """Return the account or raise NotFound."""
        return self._require(Account, "account", partition(tenant, "ACC", account), "ACCOUNT")

    def find_connection(self, tenant: str, account: str, mode: str) -> Connection | None:
        """Return how the platform reaches an account in a mode, or None."""
        home = partition(tenant, "ACC", account)
        return self._find(Connection, home, f"CONNECTION#{mode}")

    def settings(self, tenant: str) -> Settings:
        """Return a tenant's settings, or the defaults as version 0."""
        found = self._find(Settings, partition(tenant, "SET", "own"), "SETTINGS")
        return found or Settings.undecided(tenant)

    def module(self, tenant: str, module: str) -> PaymentModule:
        """Return the payment module or raise NotFound."""
        return self._require(
            PaymentModule, "payment module", partition(tenant, "MOD", module), "MODULE"
        )

    def certification(self, tenant: str, module: str) -> Certification | None:
        """Return a module's last certification, or None."""
        return self._find(Certification, partition(tenant, "MOD", module), "CERTIFICATION")

    def grant(self, tenant: str, profile: str, module: str) -> Grant | None:
        """Return the grant of a module to a profile, or None."""
        return self._find(Grant, partition(tenant, "PRF", profile), f"MODULE#{module}")

    def granted(self, tenant: str, profile: str, module: str) -> tuple[PaymentModule, Grant | None]:
        """Return the payment module and its grant to a profile in one read, or raise NotFound."""
        found, grant = self._several(
            (PaymentModule, partition(tenant, "MOD", module), "MODULE"),
            (Grant, partition(tenant, "PRF", profile), f"MODULE#{module}"),
        )
        return require_found(found, "payment module"), grant

    def module_and_customer(
        self, tenant: str, module: str, customer: str
    ) -> tuple[PaymentModule, Customer]:
        """Return a payment module and a customer in one read, or raise NotFound."""
        owing, found = self._several(
            (Customer, partition(tenant, "CUS", customer), "CUSTOMER"),
            (PaymentModule, partition(tenant, "MOD", module), "MODULE"),
        )
        known = require_found(owing, "customer")
        return require_found(found, "payment module"), known

    def grants(self, tenant: str, profile: str) -> list[Grant]:
        """Return all grants that a profile ever had."""
        rows = self._table.query(partition(tenant, "PRF", profile), "MODULE#")
        return [read(Grant, row) for row in rows]

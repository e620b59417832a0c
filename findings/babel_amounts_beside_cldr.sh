#!/bin/sh
# Babel writes amounts other than the CLDR data that it is made from.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qqq --disable-pip-version-check babel==2.18.0
cd "$folder"
npm pack --silent cldr-numbers-full@47.0.0 > /dev/null
tar xzf cldr-numbers-full-47.0.0.tgz package/main/es package/main/es-AR package/main/fr-CH
venv/bin/python - <<'PY'
import json, sys
from importlib.metadata import version
from babel.numbers import format_currency
def cldr(tag):
    return json.load(open(f"package/main/{tag}/numbers.json"))["main"][tag]["numbers"]
print("Python", sys.version.split()[0], "babel", version("babel"), "cldr-numbers-full 47.0.0")
print("Babel groups four digits where minimumGroupingDigits is 2, writes the decimal sign of plain numbers where CLDR has")
print("another one for currencies, and has lost the blank after Argentina's sign.")
spain = (cldr("es")["minimumGroupingDigits"], format_currency(1234.5, "EUR", locale="es"))
swiss = (cldr("fr-CH")["symbols-numberSystem-latn"]["currencyDecimal"], format_currency(1234.5, "CHF", locale="fr_CH"))
argentina = (cldr("es-AR")["currencyFormats-numberSystem-latn"]["standard"], format_currency(1234.5, "ARS", locale="es_AR"))
print("  es     minimumGroupingDigits", *map(ascii, spain))
print("  fr-CH  currencyDecimal      ", *map(ascii, swiss))
print("  es-AR  standard pattern     ", *map(ascii, argentina))
held = (spain == ("2", "1.234,50\xa0€"), swiss == (".", "1\u202f234,50\xa0CHF"), argentina == ("¤\xa0#,##0.00", "$1.234,50"))
sys.exit(0 if all(held) else 1)
PY

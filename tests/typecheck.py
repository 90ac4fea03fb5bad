"""How types are checked while tests run: a whole number passes for a float, as the type system has it."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))

"""A query's tree is looked through once, and each pass picks what it is about."""

from __future__ import annotations

import copy

import sqlglot
from sqlglot import exp

from runner.lake.dialect import trees
from runner.lake.dialect.sql_types import TEXT, list_of

SQL = "WITH t AS (SELECT a, lower(b) AS c FROM s WHERE a IN (1, 2)) SELECT c, count(*) OVER () FROM t, u"


def test_the_nodes_of_a_tree_are_those_that_sqlglot_finds():
    tree = sqlglot.parse_one(SQL)

    found = trees.nodes(tree)

    assert {id(node) for node in found} == {id(node) for node in tree.walk()}
    assert len(found) == len(list(tree.walk()))


def test_nodes_come_in_the_order_of_the_text():
    tree = sqlglot.parse_one("SELECT a + b, f(c, d) FROM t")

    names = [column.name for column in trees.every(tree, exp.Column)]

    assert names == ["a", "b", "c", "d"]


def test_a_class_stands_for_those_below_it():
    tree = sqlglot.parse_one(SQL)

    found = trees.among(trees.nodes(tree), exp.Func)

    assert {type(node) for node in found} == {exp.Lower, exp.Count}


def test_the_tree_may_be_changed_while_its_nodes_are_looked_at():
    tree = sqlglot.parse_one("SELECT f(f(f(a)))")

    for call in trees.every(tree, exp.Anonymous):
        call.replace(trees.call("g", *call.expressions))

    assert tree.sql() == "SELECT G(G(G(a)))"


def test_a_copied_tree_shares_the_types_of_its_nodes():
    column = trees.typed(exp.column("a"), list_of(TEXT))

    copied = copy.deepcopy(column)

    assert trees.type_of(copied) is trees.type_of(column)

"""Carries out one stage of a road on a moving system, or its undoing. Each can be carried out again
after an interruption."""

from contextlib import nullcontext

import psycopg
from psycopg import sql

from tools.lab.experiment.road import BACK, BOTH, NOTHING, THERE
from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import eventually


def carry_out(system, leg, way):
    """Carry out the stage of a leg on the way there, or undo it on the way back."""
    before, after = (leg.before, leg.after) if way == THERE else (leg.after, leg.before)
    act = KINDS[leg.stage.kind]
    with system.closed() if leg.stage.closed in (way, BOTH) else nullcontext():
        try:
            act(system, leg.stage, way, before, after)
        except psycopg.Error as error:
            raise Failed(f"{leg.stage.title}: {error}") from None
        system.deployment = after


def run(system, stage, way, before, after):
    if stage.rows and (way == THERE or stage.undo == "back"):
        copy_rows(system, way, **stage.rows)
        return
    if stage.sql and way == THERE:
        with psycopg.connect(url_of(system, stage.owner)) as connection:
            connection.execute(stage.sql)
    if (text := stage.command if way == THERE else stage.undo) and text != NOTHING:
        system.run_command(text, stage.owner, stage.other)


def change(system, stage, way, before, after):
    """Stop what does not run any more, and start what runs from now on."""
    for instance in before.running.keys() - after.running.keys():
        system.stop_instance(instance)
    for instance in after.running.keys() - before.running.keys():
        system.start_instance(instance, after.running[instance])


def route(system, stage, way, before, after):
    system.route(after)


def gate(system, stage, way, before, after):
    """Failed unless the check of a gate passes in time; on the way back, gates without an undoing
    are open."""
    if way == THERE or stage.undo != NOTHING:
        wait(stage, lambda: passes(system, stage))


def drain(system, stage, way, before, after):
    """Wait until the groups have processed what was recorded before this stage."""
    if way == THERE or stage.undo != NOTHING:
        from tools.lab.experiment.backlog import Backlog  # Kafka's client takes a while to import

        wait(stage, Backlog(system, stage.groups).is_settled)


KINDS = {
    "run": run,
    "fence": run,
    "start": change,
    "stop": change,
    "route": route,
    "gate": gate,
    "drain": drain,
    "complete": run,
}


def wait(stage, check):
    try:
        eventually(check, within=stage.within)
    except AssertionError as trouble:
        raise Failed(f"{stage.title}: {trouble}") from None


def passes(system, stage):
    """Whether the command of a gate ends with 0, or its query finds no row."""
    if stage.sql:
        with psycopg.connect(url_of(system, stage.owner)) as connection:
            return connection.execute(stage.sql).fetchone() is None
    try:
        system.run_command(stage.command, stage.owner, stage.other)
    except Failed:
        return False
    return True


def copy_rows(system, way, *, table, where, **ends):
    """Copy rows of a table from one database to another, or back, with the columns that it has
    there; rows that are there already stay."""
    source, target = ends["from"], ends["to"]
    if way == BACK:
        source, target = target, source
    name = sql.Identifier(table)
    make = sql.SQL("create temporary table moved (like {}) on commit drop").format(name)
    keep = sql.SQL("insert into {} select * from moved on conflict do nothing").format(name)
    with (
        psycopg.connect(url_of(system, source)) as old,
        psycopg.connect(url_of(system, target)) as new,
    ):
        new.execute(make)
        kept = [sql.Identifier(each.name) for each in new.execute("table moved").description]
        chosen = sql.SQL("copy (select {} from {} where {}) to stdout").format(
            sql.SQL(", ").join(kept), name, sql.SQL(where)
        )
        with (
            old.cursor().copy(chosen) as rows,
            new.cursor().copy("copy moved from stdin") as moved,
        ):
            for row in rows:
                moved.write(row)
        new.execute(keep)


def url_of(system, owner):
    return system.settings[f"{owner.upper()}_DATABASE_URL"]

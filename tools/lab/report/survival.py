"""What the drills of a step say beside those of another one: only drills that both went through
are compared."""


def common(result, *steps):
    """The names of the drills that all these steps went through, in their order."""
    first, *others = (result.drills.get(step, {}) for step in steps)
    return [name for name in first if all(name in each for each in others)]


def survived(result, step, drills):
    """(how many journeys went on during these drills of a step, how many there were)"""
    ended = [how for name in drills for how in result.drills[step][name]["found"].values()]
    return ended.count("works"), len(ended)

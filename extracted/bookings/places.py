from extracted.bookings import store
from kit.refusals import Unavailable


def places_of(process, seats):
    """The seats with these ids and their prices; Unavailable while the copy of the catalog does not
    have all of them."""
    with process.database.reading() as session:
        places = store.some_seats(session, seats)
    if len(places) < len(seats):
        raise Unavailable("The plan of these seats")
    return places

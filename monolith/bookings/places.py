from monolith.catalog import service as catalog


def places_of(process, seats):
    """The seats with these ids and their prices, as the catalog's service returns them."""
    with process.db.catalog.reading() as session:
        return catalog.seats(session, seats)

"""From an atlas's records to pages: strings of HTML. Knows no network and no torch.

Every kind of page has a module with a record of what its template shows. The module decides what
is shown; the template lays it out. ``atlas.site.pages`` lists the kinds.
"""

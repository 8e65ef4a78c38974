-- What each commit counts, until it is added to the tables of counts: a JSON object
-- whose members are lists of cells by table, each a list of its columns' values. One row
-- costs a commit one page; a row in each table cost it eight.
CREATE TABLE tallies (
    seq   INTEGER PRIMARY KEY,
    cells TEXT NOT NULL
) STRICT;

DROP VIEW stored;

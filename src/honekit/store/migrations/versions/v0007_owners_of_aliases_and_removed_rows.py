"""An alias belongs to the project of the version that it points to: two projects may each have a `tickets@production`.

And where deleted rows stood in their lists.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ROWS = sa.text(
    "SELECT v.owner, a.alias, a.version, a.updated_at "
    "FROM aliases a JOIN model_versions v ON v.name = a.version ORDER BY a.updated_at"
)


def upgrade() -> None:
    # No database changes a primary key the way another one does, and there are few aliases: the table is made anew.
    _remake(sa.Column("owner", sa.String(length=64), nullable=False), key=["owner", "alias"])
    op.add_column("alias_history", sa.Column("owner", sa.String(length=64), server_default="default", nullable=False))
    op.execute(
        "UPDATE alias_history SET owner = "
        "(SELECT aliases.owner FROM aliases WHERE aliases.alias = alias_history.alias) "
        "WHERE EXISTS (SELECT 1 FROM aliases WHERE aliases.alias = alias_history.alias)"
    )

    op.create_table(
        "removed_rows",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("row_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("removed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner", "row_id", name="pk_removed_rows"),
    )
    op.create_index("ix_removed_rows_removed_at", "removed_rows", ["removed_at"])


def downgrade() -> None:
    op.drop_table("removed_rows")
    op.drop_column("alias_history", "owner")
    _remake(key=["alias"])


def _remake(*owner: sa.Column[str], key: list[str]) -> None:
    # Going back, of several projects' aliases with one name the one that was moved last stays.
    rows = {tuple(row._mapping[name] for name in key): row._mapping for row in op.get_bind().execute(_ROWS)}
    op.drop_table("aliases")
    table = op.create_table(
        "aliases",
        *owner,
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=512), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["model_versions.name"], name="fk_aliases_version_model_versions"),
        sa.PrimaryKeyConstraint(*key, name="pk_aliases"),
    )
    for row in rows.values():
        op.get_bind().execute(table.insert().values({column.name: row[column.name] for column in table.columns}))

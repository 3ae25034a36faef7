"""How Alembic reaches the database: over the connection it is handed, going on where it stood."""

from alembic import context
from alembic.operations import Operations
from alembic.operations.ops import AddColumnOp, CreateIndexOp, CreateTableOp
from alembic.operations.toimpl import add_column, create_index, create_table
from sqlalchemy import inspect

from schema.tables import VERSION_TABLE, metadata


def _has_table(operations: Operations, name: str) -> bool:
    return inspect(operations.get_bind()).has_table(name)


# MariaDB commits each change of a table by itself: of a step that was cut off, some changes are
# made, and the step is taken again. What it has made already stays.
@Operations.implementation_for(AddColumnOp, replace=True)
def _add_column(operations: Operations, operation: AddColumnOp) -> None:
    there = inspect(operations.get_bind()).get_columns(operation.table_name)
    if operation.column.name not in {column["name"] for column in there}:
        add_column(operations, operation)


@Operations.implementation_for(CreateTableOp, replace=True)
def _create_table(operations: Operations, operation: CreateTableOp) -> None:
    if not _has_table(operations, operation.table_name):
        create_table(operations, operation)


@Operations.implementation_for(CreateIndexOp, replace=True)
def _create_index(operations: Operations, operation: CreateIndexOp) -> None:
    there = inspect(operations.get_bind()).get_indexes(operation.table_name)
    if operation.index_name not in {index["name"] for index in there}:
        create_index(operations, operation)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

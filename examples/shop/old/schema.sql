DROP TABLE IF EXISTS order_lines, orders, basket_items, discounts, products, categories;

CREATE TABLE categories (slug text PRIMARY KEY, position integer NOT NULL, name text NOT NULL);

CREATE TABLE products (
    id integer PRIMARY KEY,
    category text NOT NULL REFERENCES categories,
    name text NOT NULL,
    description text NOT NULL,
    price numeric(10, 2) NOT NULL,
    tax_percent integer NOT NULL,
    weight_g integer NOT NULL,
    stock integer NOT NULL CHECK (stock >= 0),
    tags text NOT NULL,
    added_at timestamptz NOT NULL
);

CREATE TABLE discounts (
    product integer NOT NULL REFERENCES products,
    from_quantity integer NOT NULL,
    percent integer NOT NULL,
    PRIMARY KEY (product, from_quantity)
);

CREATE TABLE basket_items (
    session text NOT NULL,
    product integer NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    PRIMARY KEY (session, product)
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    session text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    net numeric(12, 2) NOT NULL,
    tax numeric(12, 2) NOT NULL
);

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders,
    product integer NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    unit_price numeric(10, 2) NOT NULL,
    net numeric(12, 2) NOT NULL,
    PRIMARY KEY (order_id, product)
);

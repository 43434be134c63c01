DROP TABLE IF EXISTS order_line, "order", basket, product, category;

CREATE TABLE category (id integer PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL);

-- Amounts are whole cents; tags and discounts ([[from, percent], ...]) are read with their product in one go.
CREATE TABLE product (
    id integer PRIMARY KEY,
    category_id integer NOT NULL REFERENCES category,
    name text NOT NULL,
    description text NOT NULL,
    cents bigint NOT NULL,
    tax_percent integer NOT NULL,
    weight_g integer NOT NULL,
    stock integer NOT NULL CHECK (stock >= 0),
    tags text[] NOT NULL,
    discounts jsonb NOT NULL,
    added_at timestamptz NOT NULL
);

CREATE TABLE basket (
    session text NOT NULL,
    product_id integer NOT NULL REFERENCES product,
    quantity integer NOT NULL,
    PRIMARY KEY (session, product_id)
);

CREATE TABLE "order" (
    id uuid PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    session text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    net_cents bigint NOT NULL,
    tax_cents bigint NOT NULL
);

CREATE TABLE order_line (
    order_id uuid NOT NULL REFERENCES "order",
    product_id integer NOT NULL REFERENCES product,
    quantity integer NOT NULL,
    unit_cents bigint NOT NULL,
    net_cents bigint NOT NULL,
    PRIMARY KEY (order_id, product_id)
);

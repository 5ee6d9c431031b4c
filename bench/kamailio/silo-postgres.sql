create table version (id serial primary key not null, table_name varchar(32) not null unique, table_version integer default 0 not null);
create table silo (
  id serial primary key not null, src_addr varchar(255) default '' not null, dst_addr varchar(255) default '' not null,
  username varchar(64) default '' not null, domain varchar(64) default '' not null, inc_time integer default 0 not null,
  exp_time integer default 0 not null, snd_time integer default 0 not null, ctype varchar(32) default 'text/plain' not null,
  body bytea, extra_hdrs text, callid varchar(128) default '' not null, status integer default 0 not null);
create index silo_account_idx on silo (username, domain);
insert into version (table_name, table_version) values ('version', 1), ('silo', 8), ('location', 9);

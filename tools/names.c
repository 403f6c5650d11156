/* SPDX-License-Identifier: MIT */
/*
 * names.c - the name databases that administrators extend.
 *
 * Owns:      reading rt_tables, rt_protos, rt_scopes, group, rt_realms, rt_dsfield and their .d folders.
 * Assumes:   lines are "number name", # begins a comment.
 * Promises:  each file is read at most once, when first needed; a later entry wins, and /etc wins over
 *            /usr/share; what is built in holds where no file says otherwise.
 * Leaves:    words that no file can change to names_fixed.c.
 */
#include "names.h"

#include <dirent.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint32_t id;
    char *name;
};

struct database {
    const char *file;
    const char *digits; /* how an unnamed number is printed */
    uint32_t max;
    struct entry *entries;
    size_t count, capacity;
    bool loaded;
};

static bool numeric_only;

static struct database databases[NAME_DB_COUNT] = {
    [NAME_TABLE] = {.file = "rt_tables", .digits = "%u", .max = UINT32_MAX},
    [NAME_PROTO] = {.file = "rt_protos", .digits = "%u", .max = 255},
    [NAME_SCOPE] = {.file = "rt_scopes", .digits = "%u", .max = 255},
    [NAME_GROUP] = {.file = "group", .digits = "%u", .max = UINT32_MAX},
    [NAME_REALM] = {.file = "rt_realms", .digits = "%u", .max = 255},
    [NAME_DSFIELD] = {.file = "rt_dsfield", .digits = "0x%02x", .max = 255},
};

static const struct {
    enum name_db db;
    uint32_t id;
    const char *name;
} built_in[] = {
    {NAME_TABLE, RT_TABLE_DEFAULT, "default"},
    {NAME_TABLE, RT_TABLE_MAIN, "main"},
    {NAME_TABLE, RT_TABLE_LOCAL, "local"},
    {NAME_PROTO, RTPROT_UNSPEC, "unspec"},
    {NAME_PROTO, RTPROT_REDIRECT, "redirect"},
    {NAME_PROTO, RTPROT_KERNEL, "kernel"},
    {NAME_PROTO, RTPROT_BOOT, "boot"},
    {NAME_PROTO, RTPROT_STATIC, "static"},
    {NAME_PROTO, RTPROT_GATED, "gated"},
    {NAME_PROTO, RTPROT_RA, "ra"},
    {NAME_PROTO, RTPROT_MRT, "mrt"},
    {NAME_PROTO, RTPROT_ZEBRA, "zebra"},
    {NAME_PROTO, RTPROT_BIRD, "bird"},
    {NAME_PROTO, RTPROT_DNROUTED, "dnrouted"},
    {NAME_PROTO, RTPROT_XORP, "xorp"},
    {NAME_PROTO, RTPROT_NTK, "ntk"},
    {NAME_PROTO, RTPROT_DHCP, "dhcp"},
    {NAME_PROTO, 18, "keepalived"},
    {NAME_PROTO, RTPROT_BABEL, "babel"},
    {NAME_PROTO, RTPROT_BGP, "bgp"},
    {NAME_PROTO, RTPROT_ISIS, "isis"},
    {NAME_PROTO, RTPROT_OSPF, "ospf"},
    {NAME_PROTO, RTPROT_RIP, "rip"},
    {NAME_PROTO, RTPROT_EIGRP, "eigrp"},
    {NAME_SCOPE, RT_SCOPE_UNIVERSE, "global"},
    {NAME_SCOPE, RT_SCOPE_NOWHERE, "nowhere"},
    {NAME_SCOPE, RT_SCOPE_HOST, "host"},
    {NAME_SCOPE, RT_SCOPE_LINK, "link"},
    {NAME_SCOPE, RT_SCOPE_SITE, "site"},
    {NAME_GROUP, 0, "default"},
    {NAME_REALM, 0, "unknown"},
    {NAME_DSFIELD, 0, "0"},
};

void name_set_numeric(bool numeric)
{
    numeric_only = numeric;
}

static void add_entry(struct database *db, uint32_t id, const char *name)
{
    if (db->count == db->capacity) {
        size_t capacity = db->capacity == 0 ? 32 : db->capacity * 2;
        struct entry *entries = realloc(db->entries, capacity * sizeof(*entries));

        if (entries == NULL)
            return; /* then its digits are shown */
        db->entries = entries;
        db->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return;
    db->entries[db->count].id = id;
    db->entries[db->count].name = copy;
    db->count++;
}

static void read_file(struct database *db, const char *path)
{
    char line[512], name[NAME_TEXT_MAX], digits[32];
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return;
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "#\n")] = 0;
        if (sscanf(line, " %31s %63s", digits, name) != 2)
            continue;
        char *end;
        unsigned long id = strtoul(digits, &end, 0);
        if (*end == 0 && id <= db->max)
            add_entry(db, (uint32_t)id, name);
    }
    fclose(f);
}

static void read_folder(struct database *db, const char *folder)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, db->file);
    read_file(db, path);
    snprintf(path, sizeof(path), "%s/%s.d", folder, db->file);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);

        if (entry->d_name[0] == '.' || len <= 5 || strcmp(entry->d_name + len - 5, ".conf") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s.d/%.255s", folder, db->file, entry->d_name);
        read_file(db, path);
    }
    closedir(dir);
}

static struct database *loaded(enum name_db which)
{
    struct database *db = &databases[which];

    if (db->loaded)
        return db;
    db->loaded = true;
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        if (built_in[i].db == which)
            add_entry(db, built_in[i].id, built_in[i].name);
    }
    read_folder(db, "/usr/share/iproute2");
    read_folder(db, "/etc/iproute2");
    return db;
}

static const char *digits_of(const char *format, uint32_t id, char buf[NAME_TEXT_MAX])
{
    if (format[0] == '0')
        snprintf(buf, NAME_TEXT_MAX, "0x%02x", id);
    else
        snprintf(buf, NAME_TEXT_MAX, "%u", id);
    return buf;
}

const char *name_of(enum name_db which, uint32_t id, char buf[NAME_TEXT_MAX])
{
    struct database *db = loaded(which);

    for (size_t i = db->count; !numeric_only && i-- > 0;) {
        if (db->entries[i].id == id)
            return db->entries[i].name;
    }
    return digits_of(db->digits, id, buf);
}

bool name_to_id(enum name_db which, const char *text, uint32_t *ret_id)
{
    struct database *db = loaded(which);

    for (size_t i = db->count; i-- > 0;) {
        if (strcmp(db->entries[i].name, text) == 0) {
            *ret_id = db->entries[i].id;
            return true;
        }
    }
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long id = strtoul(text, &end, 0);
    if (*end != 0 || id > db->max)
        return false;
    *ret_id = (uint32_t)id;
    return true;
}

int name_each(enum name_db which, int (*fn)(void *arg, uint32_t id, const char *name), void *arg)
{
    struct database *db = loaded(which);

    for (size_t i = 0; i < db->count; i++) {
        int result = fn(arg, db->entries[i].id, db->entries[i].name);
        if (result != 0)
            return result;
    }
    return 0;
}

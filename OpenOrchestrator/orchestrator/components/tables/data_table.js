// A dense table that keeps selection, focus, open menus and scroll while its rows are refreshed.
// Everything shown goes through text interpolation: nothing is ever rendered as HTML.
const Cell = {
  props: { c: Object, prefix: String },
  template: `
    <div v-if="c" class="oo-row" :data-tip="c.tip">
      <q-icon v-if="c.i" :name="c.i" :class="c.f ? 'oo-fg-' + c.f : 'oo-t3'" />
      <span v-if="c.p" :class="['oo-pill', 'oo-p-' + c.p.c, { 'oo-q': c.p.q }]"><q-icon :name="c.p.i" :class="{ 'oo-turn': c.p.a }" />{{ c.p.w }}</span>
      <span v-if="c.r" class="oo-strip" role="img" :aria-label="words(c.r)"><b v-for="(tone, n) in c.r" :key="n" :class="'oo-' + tone"></b></span>
      <span v-if="c.k" class="oo-stack oo-grow"><b v-for="(part, n) in c.k" :key="n" :class="'oo-m-' + part[0]" :style="{ flexGrow: part[1] }"></b></span>
      <div v-if="c.s !== undefined" class="oo-grow">
        <a v-if="c.h" class="oo-n1 oo-main-link" style="display:block" :href="prefix + c.h">{{ c.t }}</a>
        <div v-else class="oo-n1">{{ c.t }}</div>
        <div class="oo-n2">{{ c.s }}</div>
      </div>
      <a v-else-if="c.h && c.t !== undefined" :class="['oo-el', 'oo-link', { 'oo-mono': c.m }]" :href="prefix + c.h">{{ c.t }}</a>
      <span v-else-if="c.t !== undefined" :class="['oo-el', tone(c), { 'oo-mono': c.m, 'oo-b': c.b, 'oo-sm': c.p }]">{{ c.t }}</span>
      <button v-if="c.x" type="button" class="oo-cell-act" @click.stop="$emit('act', c.x[0])">{{ c.x[1] }}</button>
    </div>`,
  emits: ["act"],
  methods: {
    tone(c) {
      return !c.f ? "" : c.f === "t2" || c.f === "t3" ? "oo-" + c.f : "oo-fg-" + c.f + " oo-b";
    },
    words(runs) {
      const counts = {};
      runs.forEach((r) => (counts[r] = (counts[r] || 0) + 1));
      return "Last runs: " + Object.entries(counts).map(([r, n]) => n + " " + (r === "none" ? "without run" : r)).join(", ");
    },
  },
};

export default {
  components: { Cell },
  template: `
    <div class="oo-table" :class="{ 'oo-has-sel': chosen.size }">
      <table class="oo-t" :aria-label="label">
        <colgroup>
          <col v-if="selectable" style="width:29px" />
          <col v-for="c in columns" :key="c.n" :class="{ 'oo-no-phone': !c.p }" :style="{ '--w': c.w || 'auto', '--pw': c.pw || 'auto' }" />
          <col v-if="actions.length" class="oo-acts-col" />
        </colgroup>
        <thead><tr>
          <th v-if="selectable" class="oo-check"><input type="checkbox" aria-label="Select all rows of this page" :checked="all" :indeterminate.prop="some && !all" @change="toggleAll" /></th>
          <th v-for="c in columns" :key="c.n" scope="col" :class="{ 'oo-right': c.r, 'oo-no-phone': !c.p }" :aria-sort="sort === c.n ? (desc ? 'descending' : 'ascending') : null">
            <button v-if="c.s" type="button" @click="$emit('sort', c.n)">{{ c.l }}<q-icon v-if="sort === c.n" :name="desc ? 'sym_r_arrow_downward' : 'sym_r_arrow_upward'" /></button>
            <template v-else-if="c.l">{{ c.l }}</template><span v-else class="oo-hidden-text">{{ c.x }}</span>
          </th>
          <td v-if="actions.length" class="oo-acts-cell"></td>
        </tr></thead>
        <tbody>
          <tr v-for="(row, n) in rows" :key="row.id" :data-row="row.id" :class="{ 'oo-sel': chosen.has(row.id), 'oo-open': opened === row.id, 'oo-changed': changed.has(row.id), 'oo-click': clickable }"
              :tabindex="row.id === active || (!hasActive && n === 0) ? 0 : -1" :aria-selected="selectable ? chosen.has(row.id) : null"
              @focus="active = row.id" @click="clicked($event, row)" @keydown="key($event, row, n)">
            <td v-if="selectable" class="oo-check"><input type="checkbox" tabindex="-1" :aria-label="'Select ' + row.name" :checked="chosen.has(row.id)" @click="toggle(row.id, $event.shiftKey)" /></td>
            <td v-for="c in columns" :key="c.n" :class="{ 'oo-right': c.r, 'oo-no-phone': !c.p }"><Cell :c="row.c[c.n]" :prefix="prefix" @act="(name) => $emit('action', { action: name, id: row.id })" /></td>
            <td v-if="actions.length" class="oo-acts-cell"><span v-if="row.a" class="oo-acts">
              <button v-for="a in inline(row)" :key="a.n" type="button" class="oo-ib oo-no-phone" tabindex="-1" :aria-label="a.l + ' ' + row.name" :data-tip="row.a[a.n] || a.l" :disabled="!!row.a[a.n]" @click.stop="act(a, row)"><q-icon :name="a.i" /></button>
              <button v-if="more(row).length" type="button" class="oo-ib" tabindex="-1" :aria-label="'More for ' + row.name" @click.stop><q-icon name="sym_r_more_horiz" />
                <q-menu auto-close anchor="bottom right" self="top right" @show="opened = row.id" @hide="opened = null"><q-list role="menu">
                  <q-item v-for="a in more(row)" :key="a.n" role="menuitem" clickable :class="{ 'oo-red': a.d }" :disable="!!row.a[a.n]" :data-tip="row.a[a.n] || null" @click="act(a, row)"><q-icon :name="a.i" />{{ a.l }}<span v-if="a.k" class="oo-kbd">{{ a.k }}</span></q-item>
                </q-list></q-menu></button>
            </span></td>
          </tr>
        </tbody>
      </table>
    </div>`,
  props: {
    columns: Array, rows: Array, sort: String, desc: Boolean, selectable: Boolean, clickable: Boolean,
    actions: Array, label: String, prefix: { type: String, default: "" },
  },
  data: () => ({ chosen: new Set(), active: null, opened: null, changed: new Set(), last: null }),
  computed: {
    all() { return this.rows.length > 0 && this.rows.every((r) => this.chosen.has(r.id)); },
    some() { return this.rows.some((r) => this.chosen.has(r.id)); },
    hasActive() { return this.rows.some((r) => r.id === this.active); },
  },
  watch: {
    rows(now, before) {
      const seen = new Map(before.map((r) => [r.id, r.v]));
      const changed = now.filter((r) => seen.has(r.id) && seen.get(r.id) !== r.v).map((r) => r.id);
      if (!changed.length) return;
      this.changed = new Set(changed);
      clearTimeout(this.fading);
      this.fading = setTimeout(() => (this.changed = new Set()), 1000);
    },
  },
  unmounted() { clearTimeout(this.fading); },
  methods: {
    inline(row) { return this.actions.filter((a) => a.q && a.n in row.a); },
    more(row) { return this.actions.filter((a) => a.n in row.a); },
    act(action, row) { if (!row.a[action.n]) this.$emit("action", { action: action.n, id: row.id }); },
    told() { this.$emit("select", [...this.chosen]); },
    choose(ids) { this.chosen = new Set(ids); },
    clear(quietly) { this.chosen = new Set(); if (!quietly) this.told(); },
    toggle(id, range) {
      const chosen = new Set(this.chosen), ids = this.rows.map((r) => r.id);
      if (range && this.last !== null && ids.includes(this.last)) {
        const [a, b] = [ids.indexOf(this.last), ids.indexOf(id)].sort((x, y) => x - y);
        ids.slice(a, b + 1).forEach((i) => chosen.add(i));
      } else if (!chosen.delete(id)) chosen.add(id);
      this.last = id;
      this.chosen = chosen;
      this.told();
    },
    toggleAll() {
      const chosen = new Set(this.chosen), every = this.all;
      this.rows.forEach((r) => (every ? chosen.delete(r.id) : chosen.add(r.id)));
      this.chosen = chosen;
      this.told();
    },
    open(row) {
      const link = this.$el.querySelector('[data-row="' + row.id + '"] a.oo-main-link');
      if (link) link.click(); else this.$emit("open", row.id);
    },
    clicked(event, row) {
      if (!this.clickable || event.target.closest("a,button,input,label,.q-menu") || String(getSelection())) return;
      this.open(row);
    },
    key(event, row, n) {
      if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (step) this.focus(n + step);
      else if (event.key === "Enter" && this.clickable) this.open(row);
      else if ((event.key === "x" || event.key === " ") && this.selectable) this.toggle(row.id, event.shiftKey);
      else if (event.key === "Escape" && this.chosen.size) this.clear();
      else {
        const action = this.actions.find((a) => a.k === event.key && row.a && a.n in row.a);
        if (!action) return;
        this.act(action, row);
      }
      event.preventDefault();
      event.stopPropagation();
    },
    focus(n) {
      const rows = this.$el.querySelectorAll("tbody tr");
      rows[Math.max(0, Math.min(n, rows.length - 1))]?.focus();
    },
  },
};

'use strict';
/* What the page uses of LuCI's browser side, with the same behaviour where it matters: a bare string as an element's content is
 * markup, strings within a list are text. */

String.prototype.format = function(...values) {
	let i = 0;
	return this.replace(/%(%|(\d+)?(?:\.(\d+))?([dsm]))/g, (all, percent, base, digits, kind) => {
		if (percent == '%') return '%';
		const value = values[i++];
		if (kind == 'd') return String(Math.trunc(Number(value)) || 0);
		if (kind == 's') return String(value);
		let n = Number(value) || 0, unit = 0;
		for (; n >= (base || 1000) && unit < 5; unit++) n /= base || 1000;
		return (unit ? n.toFixed(digits || 0) : String(n)) + ' ' + ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'][unit];
	});
};

const _ = text => window.TR[text] || text;

const dom = {
	append(node, children) {
		if (Array.isArray(children))
			for (const child of children) node.appendChild(child instanceof Node ? child : document.createTextNode(child ?? ''));
		else if (children instanceof Node) node.appendChild(children);
		else if (children != null) node.innerHTML = String(children);
		return node;
	},
	content(node, children) {
		node.replaceChildren();
		return this.append(node, children);
	}
};

function E(name, attributes, children) {
	if (Array.isArray(name)) return dom.append(document.createDocumentFragment(), name);
	const node = document.createElement(name);
	for (const key in attributes) {
		const value = attributes[key];
		if (typeof value == 'function') node.addEventListener(key, value);
		else if (value != null) node.setAttribute(key, value);
	}
	return dom.append(node, children);
}

class Base {
	static extend(members) {
		const made = class extends this {};
		Object.assign(made.prototype, members);
		return made;
	}
}

const rpc = {
	number: 0,
	declare({ object, method, params = [], expect }) {
		return async (...args) => {
			const values = Object.fromEntries(params.map((name, i) => [name, args[i]]));
			const response = await fetch('/ubus', { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: ++rpc.number, method: 'call', params: ['session', object, method, values] }) });
			const { result, error } = await response.json();
			if (error) throw new Error('RPC call to %s/%s failed with error %d: %s'.format(object, method, error.code, error.message));
			const answer = result.length > 1 ? result[1] : result[0];
			return expect ? answer[Object.keys(expect)[0]] : answer;
		};
	}
};

const poll = {
	add(act, seconds) {
		setInterval(() => document.hidden || act(), seconds * 1000);
	}
};

const ui = {
	addNotification(title, children, kind) {
		document.getElementById('maincontent').prepend(E('div', { 'class': 'alert-message ' + (kind || ''), 'role': 'alert' }, [children]));
	},
	showModal(title, children) {
		document.body.appendChild(E('div', { 'id': 'modal', 'role': 'dialog' }, [E('h4', {}, [title])].concat(children)));
	},
	hideModal() {
		document.getElementById('modal')?.remove();
	}
};

const uci = {
	get: rpc.declare({ object: 'uci', method: 'get', params: ['config'], expect: { values: {} } }),
	set: rpc.declare({ object: 'uci', method: 'set', params: ['config', 'section', 'values'] }),
	commit: rpc.declare({ object: 'uci', method: 'commit', params: ['config'] })
};

/* Forms: shows the options of a named section, and of others a table. */
class Option {
	constructor(name, title, about) {
		Object.assign(this, { name, title: title || name, about, choices: [] });
	}
	value(value, says) {
		this.choices.push([value, says || value]);
	}
	render(value) {
		this.before = value;
		const choose = this.choices.map(([value, says]) => E('option', { value }, [says]));
		this.input = this.flag ? E('input', { 'type': 'checkbox' }) : this.choices.length ? E('select', this.many ? { 'multiple': '' } : {}, choose) : E('input', { 'type': 'text', 'placeholder': this.placeholder });
		if (this.flag) this.input.checked = (value ?? this.default) == '1';
		else if (this.many) [...this.input.options].forEach(option => option.selected = [].concat(value ?? []).includes(option.value));
		else this.input.value = [].concat(value ?? this.default ?? '').join(' ');
		return E('div', { 'class': 'cbi-value', 'data-name': this.name }, [E('label', {}, [this.title, ' ', this.input]), E('div', {}, [this.about || ''])]);
	}
	read() {
		if (this.flag) return this.input.checked ? '1' : '0';
		if (this.many) return [...this.input.selectedOptions].map(option => option.value);
		const valid = this.validate ? this.validate(null, this.input.value) : true;
		if (valid !== true) throw new Error(valid);
		return this.list ? this.input.value.split(' ').filter(word => word) : this.input.value;
	}
}
class Section {
	constructor(kind, name, title, about) {
		Object.assign(this, { kind, name, title, about, options: [] });
	}
	tab() {}
	taboption(tab, ...rest) {
		return this.option(...rest);
	}
	option(Kind, ...rest) {
		const option = new Kind(...rest);
		option.enabled = '1';
		this.options.push(option);
		return option;
	}
}
const kind = members => class extends Option {
	constructor(...rest) {
		super(...rest);
		Object.assign(this, members);
	}
};
const form = {
	NamedSection: 'named', GridSection: 'grid',
	Value: kind({}), Flag: kind({ flag: true }), ListValue: kind({}), MultiValue: kind({ many: true }), DynamicList: kind({ list: true }),
	Map: class {
		constructor(config, title, about) {
			Object.assign(this, { config, title, about, sections: [] });
		}
		section(kind, ...rest) {
			const section = kind == 'named' ? new Section(kind, rest[0]) : new Section(kind, rest[0], rest[1], rest[2]);
			this.sections.push(section);
			return section;
		}
		async render() {
			const values = await uci.get(this.config);
			const map = E('div', { 'class': 'cbi-map' }, [E('h2', {}, [this.title]), E('p', {}, [this.about])]);
			for (const section of this.sections) {
				if (section.kind == 'named') {
					dom.append(map, section.options.map(option => option.render(values[section.name]?.[option.name])));
					continue;
				}
				const rows = Object.values(values).filter(each => each['.type'] == section.name);
				const cells = row => section.options.filter(option => !option.modalonly).map(option => E('td', {}, [row[option.name] ?? '']));
				dom.append(map, [E('h3', {}, [section.title]), E('table', {}, rows.map(row => E('tr', {}, cells(row))))]);
			}
			form.shown = this;
			return map;
		}
		async save() {
			for (const section of this.sections.filter(section => section.kind == 'named')) {
				const values = Object.fromEntries(section.options.map(option => [option.name, option.read()]).filter(([name, value]) => value.length));
				await uci.set(this.config, section.name, values);
			}
			await uci.commit(this.config);
		}
	}
};

const modules = { baseclass: Base, dom, form, poll, rpc, ui, uci, view: Base };

const L = {
	url: path => '/cgi-bin/luci/' + path,
	resource: path => '/luci-static/resources/' + path,
	hasViewPermission: () => window.MAY_WRITE,

	/* A module, by its name; its file begins with what it requires. */
	async require(name) {
		return modules[name] ??= (async () => {
			const text = await (await fetch(L.resource(name.replaceAll('.', '/') + '.js'))).text();
			const wanted = [...text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';/gm)].map(([, name, as]) => [as || name.replaceAll('.', '_'), name]);
			const values = await Promise.all(wanted.map(([, name]) => L.require(name)));
			const made = new Function(...wanted.map(([as]) => as), text)(...values);
			return new made();
		})();
	},

	async show(path) {
		const area = document.getElementById('view'), view = await L.require('view.' + path.replaceAll('/', '.'));
		const node = await view.render(await view.load?.());
		dom.content(area, node);
		if (view.handleSaveApply === undefined)
			area.appendChild(E('button', { 'class': 'cbi-button-apply', 'click': () => form.shown.save().catch(e => ui.addNotification(null, E('p', {}, [e.message]), 'error')) }, [_('Save & Apply')]));
	}
};

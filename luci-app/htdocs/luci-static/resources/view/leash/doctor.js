'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.widgets as widgets';
'require leash.words as words';

/* Selects and copies what an element holds. A page that came over plain HTTP has no navigator.clipboard. */
function copy(node) {
	const range = document.createRange();
	range.selectNodeContents(node);
	window.getSelection().removeAllRanges();
	window.getSelection().addRange(range);
	document.execCommand('copy');
}

/* Returns what one types or looks for as it stands; a command of several words with a button that copies it. */
function code(value) {
	const node = E('code', {}, [ value ]);
	const button = () => widgets.button(_('Copy'), () => copy(node), 'neutral', { 'disabled': null });
	return value.includes(' ') ? E('span', {}, [ node, ' ', button() ]) : node;
}

function complaintNode({ severity, form, values, remedy }) {
	return E('div', { 'class': 'leash-finding', 'data-strength': severity == 'error' ? 'strong' : 'fair' }, [
		E('p', {}, [ widgets.badge(severity), ' ', words.sentence({ form, values }) ]),
		remedy ? E('p', {}, [ _('Remedy:'), ' ', ...words.parts(remedy, code) ]) : ''
	]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load() {
		return api.doctor().catch(error => error);
	},

	show(answer) {
		const failed = answer instanceof Error, complaints = failed ? [] : answer.complaints;
		this.failed.show(failed ? answer : null);
		this.list.parentNode.hidden = failed;
		const well = () => E('p', {}, [
			widgets.badge('allow'), ' ', _('leash sees everything it can, and lacks nothing.')
		]);
		dom.content(this.list, [ ...complaints.length ? complaints.map(complaintNode) : [ well() ] ]);
	},

	render(answer) {
		this.failed = widgets.failure();
		this.list = E('div', { 'aria-live': 'polite' }, []);
		const again = () => this.load().then(answer => this.show(answer));
		const page = widgets.page(_('Doctor'), [
			E('div', { 'class': 'cbi-map-descr' }, [
				_('What leash cannot see or do on this router, and how to fix it.')
			]),
			this.failed.node,
			E('div', { 'class': 'cbi-section' }, [ this.list ]),
			widgets.button(_('Check again'), again, 'action', { 'disabled': null })
		]);
		this.show(answer);
		return page;
	}
});
